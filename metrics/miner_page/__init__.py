"""What the page of one miner shows: pure functions of figures and the time, and one module that reads them."""
