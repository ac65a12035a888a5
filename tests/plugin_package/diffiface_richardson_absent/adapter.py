"""Cannot be imported: what it needs is missing."""

import a_package_that_nobody_has as a_package_that_nobody_has
