"""Networks in their papers' form, as plain modules of torch; ``catalog.toml`` lists them with their figures."""

from lwprof.architectures.addernet import addernet_resnet20, addernet_resnet50
from lwprof.architectures.effnet import effnet
from lwprof.architectures.ghostnet import ghostnet
from lwprof.architectures.mobilenet_v1 import mbv1
from lwprof.architectures.mobilenet_v2 import mbv2
from lwprof.architectures.mobilenet_v2_attention import (
    mbv2_ca,
    mbv2_cbam,
    mbv2_eca,
    mbv2_sa,
    mbv2_se,
    mbv2_triplet,
)
from lwprof.architectures.mobilenet_v3 import mbv3_large, mbv3_small
from lwprof.architectures.mobilenext import mobilenext, mobilenext_ca
from lwprof.architectures.shufflenet_v1 import shufflenetv1
from lwprof.architectures.shufflenet_v2 import shufflenetv2, shufflenetv2_large
from lwprof.architectures.squeezenet import squeezenet
from lwprof.architectures.xception import xception
from lwprof.architectures.xception_light import xception_light

__all__ = [
    "addernet_resnet20",
    "addernet_resnet50",
    "effnet",
    "ghostnet",
    "mbv1",
    "mbv2",
    "mbv2_ca",
    "mbv2_cbam",
    "mbv2_eca",
    "mbv2_sa",
    "mbv2_se",
    "mbv2_triplet",
    "mbv3_large",
    "mbv3_small",
    "mobilenext",
    "mobilenext_ca",
    "shufflenetv1",
    "shufflenetv2",
    "shufflenetv2_large",
    "squeezenet",
    "xception",
    "xception_light",
]
