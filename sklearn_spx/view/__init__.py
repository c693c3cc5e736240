"""The page that ``sklearn-spx view`` serves: segment, label, train and save in the browser.

    browser -> server (is it ours?) -> routes -> session -> images, documents, jobs -> answer

The server is the standard library's and listens to this machine alone. What computes runs in a
process of its own (``jobs``, ``work``), which can be stopped and may die; what people made, labels
and all that undoes them, is in the ``session``. The page is ``static/``, as it is written.
"""

from .server import PageServer

__all__ = ["PageServer"]
