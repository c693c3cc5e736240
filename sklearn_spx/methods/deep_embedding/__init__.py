"""Deep embedding learning: superpixels merged by learned similarity."""
