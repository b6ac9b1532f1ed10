"""The demo organisation: ``people.py`` says who belongs to it, ``site.py`` writes them into a site."""
