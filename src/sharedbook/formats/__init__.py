"""Bytes to domain and back; no database."""
