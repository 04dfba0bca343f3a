"""Networks in their papers' form, as plain modules of torch; ``catalog.toml`` lists them with their figures."""

from lwprof.architectures.mobilenet_v1 import mbv1
from lwprof.architectures.mobilenet_v2 import mbv2
from lwprof.architectures.mobilenet_v3 import mbv3_large, mbv3_small
from lwprof.architectures.shufflenet_v1 import shufflenetv1
from lwprof.architectures.shufflenet_v2 import shufflenetv2
from lwprof.architectures.squeezenet import squeezenet

__all__ = ["mbv1", "mbv2", "mbv3_large", "mbv3_small", "shufflenetv1", "shufflenetv2", "squeezenet"]
