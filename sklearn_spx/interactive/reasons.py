"""What goes wrong, told to people who see one image and no list of them."""

__all__ = ["DIED", "TOO_FEW_CLASSES", "reason_of"]

DIED = (
    "the process that computes has died, perhaps for want of memory; nothing that you labelled is "
    "lost. Try a smaller size"
)
TOO_FEW_CLASSES = (
    "{} classes are labelled, and two or more are needed to learn: label some regions of each class"
)


def reason_of(error, path=None):
    """Return what an error says, in one line, without the path of a file it begins with."""
    text = str(error).strip()
    if path is not None:
        text = text.removeprefix(f"{path}: ").removeprefix(f"{path} ")
    lines = text.removeprefix("X[0]: ").replace("X[0]", "the image").splitlines()
    return lines[0] if lines else type(error).__name__
