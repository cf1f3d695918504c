"""Services outside that do not exist: two pools, coin prices and the network's difficulty, as functions of the time."""
