"""The steps that every write of a contact is made of, whoever asks for it. No permission is asked here."""
