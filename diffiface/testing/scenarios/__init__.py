"""The scenarios that engines are tested on."""

from diffiface.testing.scenarios.classic import classic_scenarios as classic_scenarios
from diffiface.testing.scenarios.collection import default_scenarios as default_scenarios
from diffiface.testing.scenarios.families import family_scenarios as family_scenarios
from diffiface.testing.scenarios.known import Known as Known
from diffiface.testing.scenarios.sparse import sparse_scenarios as sparse_scenarios
from diffiface.testing.scenarios.special import branch_scenarios as branch_scenarios
from diffiface.testing.scenarios.special import complex_scenarios as complex_scenarios
from diffiface.testing.scenarios.special import empty_scenarios as empty_scenarios
from diffiface.testing.scenarios.special import kink_scenarios as kink_scenarios
from diffiface.testing.scenarios.special import size_one_scenarios as size_one_scenarios
