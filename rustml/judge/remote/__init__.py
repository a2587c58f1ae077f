"""A judge on another machine: an HTTP front for one, and a client that is a judge itself."""
