"""Contacts that may be one person, and what makes one of them."""
