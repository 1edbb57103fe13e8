"""Sites to crawl on loopback: a shop, GitHub's published REST contract, and klaus, over real repositories."""
