"""Files of many contacts: csv, sheets, vcf, ldif, json, mail, archives, a directory's entries; a photographed card."""
