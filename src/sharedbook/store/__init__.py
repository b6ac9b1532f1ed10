"""The only importer of SQLAlchemy: statements, no rules."""
