"""What the page of prices shows: pure functions of prices and the time, and one module that reads them."""
