"""The CardDAV edge: storage, auth and rights for Radicale, and the server around it."""
