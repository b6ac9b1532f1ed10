"""The CardDAV edge: storage, auth and rights for Radicale, and the server around it. Importing it guards Radicale."""

from radicale_storage import patches
from radicale_storage.storage import Storage

__all__ = ["Storage"]

patches.install()
