"""Files of many contacts: csv, sheets, vcf, ldif, json, mail, archives and a directory's entries."""
