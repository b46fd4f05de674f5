"""The other systems of the centre: small modules that end in heads and roubles."""
