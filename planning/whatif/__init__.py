"""What-if: scenarios as changes to a centre and its calls, each planned whole and compared with the base."""

from planning.whatif.changes import NAMED as NAMED
from planning.whatif.changes import Scenario as Scenario
from planning.whatif.changes import apply_changes as apply_changes
from planning.whatif.changes import cell as cell
from planning.whatif.changes import grid as grid
from planning.whatif.changes import read_scenarios as read_scenarios
from planning.whatif.comparison import BASE as BASE
from planning.whatif.comparison import LOOSE as LOOSE
from planning.whatif.comparison import cheapest as cheapest
from planning.whatif.comparison import compare as compare
from planning.whatif.comparison import evaluate_cached as evaluate_cached
from planning.whatif.comparison import in_words as in_words
from planning.whatif.comparison import least_costs as least_costs
from planning.whatif.comparison import row_of as row_of
from planning.whatif.evaluation import Evaluation as Evaluation
from planning.whatif.evaluation import Result as Result
from planning.whatif.evaluation import Staff as Staff
from planning.whatif.evaluation import evaluate as evaluate
from planning.whatif.executors import executor_of as executor_of
