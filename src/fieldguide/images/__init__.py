"""From a file to pixels: decoding and preprocessing."""
