"""Use cases: one permission check each, and the only way anything is written."""
