"""Rosters: the people, the rules, the model that finds a roster, and the audit that checks one.

Imports point left: inputs <- limits <- rules <- audit, and rules <- problem <- columns <- search <- model.
This file imports nothing, so importing `planning.roster.audit` loads no solver.
"""
