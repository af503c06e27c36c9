"""What the commands do, a module each: the packages below tied together."""
