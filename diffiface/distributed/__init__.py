"""More than one core, more than one machine: sums over chunks of data, independent columns and rows.

sum_over        di.sum_over: the function, and where its tasks go
over_chunks     the backend that differentiates it: another engine for each chunk, and a sum
parallel        di.Parallel: columns and rows of Jacobians, columns of Hessians
stand_in        what both backends share
work            one task, in whatever process it runs; prepared once there
executors       this thread, or a pool: answers in order, so many in flight
dask_cluster    Dask's cluster and collections
progress        a bar, or the user's function
"""

from diffiface.distributed.parallel import Parallel as Parallel
from diffiface.distributed.sum_over import SumOver as SumOver
from diffiface.distributed.sum_over import sum_over as sum_over
