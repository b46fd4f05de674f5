"""What a plan needs of the other systems of the centre."""
