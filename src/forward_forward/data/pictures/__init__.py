"""Picture files in a folder or an archive -> samples [n, channels, height, width], labels [n]."""
