"""The photographs that come with scikit-image."""

from sklearn.utils import Bunch

_PHOTOGRAPHS = {  # our name: scikit-image's; all of these come in its wheel
    "astronaut": "astronaut",
    "chelsea": "chelsea",
    "coffee": "coffee",
    "rocket": "rocket",
    "motorcycle": "stereo_motorcycle",
    "tissue": "immunohistochemistry",
    "retina": "retina",
    "hubble": "hubble_deep_field",
}


def load_sample_images() -> Bunch:
    """Load the colour photographs that come with scikit-image; nothing is downloaded.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes

        images : list of ndarray of shape (height, width, 3), dtype uint8
            RGB photographs of unequal sizes: people, animals, things, and one each from
            microscopy, ophthalmology and astronomy.
        names : list of str
            Their names.

    Examples
    --------
    >>> from sklearn_spx.datasets import load_sample_images
    >>> data = load_sample_images()
    >>> data.names[:4]
    ['astronaut', 'chelsea', 'coffee', 'rocket']
    >>> data.images[0].shape
    (512, 512, 3)
    """
    from skimage import data

    images = []
    for function in _PHOTOGRAPHS.values():
        image = getattr(data, function)()
        images.append(image[0] if isinstance(image, tuple) else image)  # a stereo pair: the left
    return Bunch(images=images, names=list(_PHOTOGRAPHS))
