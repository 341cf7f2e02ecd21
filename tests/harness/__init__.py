"""The little language the black-box tests are written in: an agent, its peers, and conditions to wait for."""
