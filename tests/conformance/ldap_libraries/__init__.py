"""Programs on the LDAP libraries of other languages, and what each must see."""
