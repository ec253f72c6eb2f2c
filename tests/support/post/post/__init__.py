"""A workspace whose work is done in the background: letters are handled and stamped."""
