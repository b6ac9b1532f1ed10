"""Irreversible deletion: the rows, the files, the proof; and all that is held on one person."""
