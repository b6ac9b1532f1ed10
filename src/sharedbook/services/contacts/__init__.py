"""Contacts by id: found, changed, put into the trash, and everything that hangs on one."""
