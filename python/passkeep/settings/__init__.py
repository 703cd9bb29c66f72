"""`passkeep settings`: a page on this machine that looks after a keyring and its backups.

The page asks and shows; everything is done here, by the library that the command line
uses. The keyring key never leaves this process, and is forgotten when nobody uses it.
"""
