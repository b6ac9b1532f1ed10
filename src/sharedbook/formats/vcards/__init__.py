"""One vCard: read without loss, written, its fields, numbers, names and pictures."""
