"""Who is let in, and with which rights: members, grants, what a member types into his programs."""
