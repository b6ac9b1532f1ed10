"""Who stands behind a name and a password: members, teams, logins of this site and of a directory."""
