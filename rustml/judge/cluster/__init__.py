"""A judge on the nodes of a Ray cluster. Ray itself is imported where `rustml.sharding.ray_cluster` connects to it."""
