"""What the site proves itself with: secrets out of one file, signed documents, a TLS certificate."""
