"""The LDAP edge: codec, session, directory, index and the server around them."""
