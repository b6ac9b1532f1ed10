"""The words of the field and their rules; standard library only."""
