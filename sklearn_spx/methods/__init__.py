"""The methods, one file or one folder each; none imports another."""
