"""Light networks of timm, counted without a gap and as torch's own counter counts them."""

from __future__ import annotations

import pytest
import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

import lwprof

# fmt: off
LIGHT = {
    "MobileNetV1":     "mobilenetv1_100 mobilenetv1_125",
    "MobileNetV2":     "mobilenetv2_050 mobilenetv2_100 mobilenetv2_140",
    "MobileNetV3":     "mobilenetv3_small_050 mobilenetv3_small_100 mobilenetv3_large_100 mobilenetv3_rw",
    "MobileNetV4":     "mobilenetv4_conv_small mobilenetv4_conv_medium mobilenetv4_hybrid_medium",
    "GhostNet":        "ghostnet_050 ghostnet_100 ghostnet_130",
    "GhostNetV2":      "ghostnetv2_100 ghostnetv2_160",
    "GhostNetV3":      "ghostnetv3_050 ghostnetv3_100",
    "MobileOne":       "mobileone_s0 mobileone_s1 mobileone_s4",
    "PP-LCNet":        "lcnet_035 lcnet_050 lcnet_100",
    "TinyNet":         "tinynet_a tinynet_c tinynet_e",
    "MnasNet":         "mnasnet_100 mnasnet_small semnasnet_100 spnasnet_100",
    "MixNet":          "mixnet_s mixnet_m mixnet_l",
    "FBNet":           "fbnetc_100 fbnetv3_b hardcorenas_a",
    "EfficientNet":    "efficientnet_lite0 efficientnet_lite4 efficientnet_b0",
    "EdgeNeXt":        "edgenext_xx_small edgenext_x_small edgenext_small",
    "MobileViT":       "mobilevit_xxs mobilevit_xs mobilevit_s",
    "MobileViTv2":     "mobilevitv2_050 mobilevitv2_100",
    "FastViT":         "fastvit_t8 fastvit_sa12",
    "RepViT":          "repvit_m0_9 repvit_m1_1",
    "RepGhost, -VGG":  "repghostnet_050 repvgg_a0",
    "StarNet":         "starnet_s050 starnet_s1 starnet_s4",
    "SHViT":           "shvit_s1 shvit_s4",
    "EfficientViT":    "efficientvit_b0 efficientvit_b1 efficientvit_m0 efficientvit_m5",
    "EfficientFormer": "efficientformer_l1 efficientformerv2_s0 swiftformer_xs",
    "ConvNeXt":        "convnext_atto convnext_pico convnext_tiny convnextv2_atto inception_next_tiny",
    "LeViT":           "levit_128s levit_256 levit_conv_128s",
    "HRNet":           "hrnet_w18_small hrnet_w18",
    "Inception":       "inception_v3 inception_v4 inception_resnet_v2",
    "Xception":        "legacy_xception xception41",
    "ResNeSt":         "resnest14d resnest26d resnest50d",
    "others":          "rexnet_100 regnety_002 ese_vovnet19b_dw dla46x_c fasternet_t0 hgnetv2_b0 tiny_vit_5m_224",
}
SAME = {
    # widths of MobileNetV3 small below 0.75 are no reference: timm keeps the stem's 16 channels there
    "mbv1":                          "mobilenetv1_100",
    "mbv1:width=1.25":               "mobilenetv1_125",
    "mbv2":                          "mobilenetv2_100",
    "mbv2:width=0.35":               "mobilenetv2_035",
    "mbv2:width=0.5":                "mobilenetv2_050",
    "mbv2:width=0.75":               "mobilenetv2_075",
    "mbv2:width=1.4":                "mobilenetv2_140",
    "mbv3_small":                    "mobilenetv3_small_100",
    "mbv3_small:width=0.75":         "mobilenetv3_small_075",
    "mbv3_small:minimalistic=true":  "tf_mobilenetv3_small_minimal_100",
    "mbv3_large":                    "mobilenetv3_large_100",
    "mbv3_large:width=0.75":         "mobilenetv3_large_075",
    "mbv3_large:minimalistic=true":  "tf_mobilenetv3_large_minimal_100",
    "ghostnet":                      "ghostnet_100",
    "ghostnet:width=0.5":            "ghostnet_050",
    "ghostnet:width=1.3":            "ghostnet_130",
    "xception":                      "legacy_xception",
}
# fmt: on


@pytest.mark.parametrize("name", " ".join(LIGHT.values()).split())
def test_counts_are_those_of_torchs_counter(name: str) -> None:
    result = lwprof.profile(f"timm:{name}")
    assert result.coverage.unknown == ()
    assert not result.input_dependent
    with torch.device("meta"):
        network = timm.create_model(name).eval()
        image = torch.empty(1, *timm.get_pretrained_cfg(name).input_size)
    assert [tuple(size.shape) for size in result.model.inputs] == [tuple(image.shape)]
    assert result.totals.params == sum(parameter.numel() for parameter in network.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    assert 2 * result.totals.mult_adds == counter.get_total_flops()  # a mult-add is two operations there


@pytest.mark.parametrize(("ours", "theirs"), SAME.items(), ids=SAME)
def test_our_network_has_the_counts_of_theirs(counts, ours: str, theirs: str) -> None:
    size = (3, 299, 299) if ours.startswith("xception") else (3, 224, 224)
    assert counts(ours, size) == counts(f"timm:{theirs}", size)
