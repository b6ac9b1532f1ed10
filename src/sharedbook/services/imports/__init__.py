"""Files in and out, as jobs: rows are made ready, matched and written."""
