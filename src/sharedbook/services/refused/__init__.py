"""What a mail client was refused, kept until a person decides about it."""
