"""What is in a prefix: its files, partitions, footers and one schema over all of them.

It must not know any engine that queries the files.
"""
