"""Files that people send: judged by their bytes and written anew, for every feature that takes them."""
