"""Top-level keys of lstchain's config by the commands that read them (lstchain 0.12.3).

A key that is not here counts for every stage that reads the config. What a stage does not read was
taken from lstchain's source: r0_to_dl1.py, lstchain_dl1ab.py, dl1_to_dl2.py,
tools/lstchain_dl1_to_dl2.py and tools/lstchain_create_irf_files.py, which reads sections of its own
components only.
"""

from __future__ import annotations

#: Read where forests are trained, and nowhere else.
TRAINING = frozenset(
    (
        *("n_training_events", "random_forest_weight_settings", "train_gamma_src_r_deg"),
        *("random_forest_energy_regressor_args", "random_forest_disp_regressor_args"),
        *("random_forest_disp_classifier_args", "random_forest_particle_classifier_args"),
    )
)
#: Read where forests are trained and where they are applied.
RECONSTRUCTION = frozenset(
    (
        *("events_filters", "random_forest_zd_interpolation", "disp_method"),
        *("energy_regression_features", "particle_classification_features"),
        *("disp_regression_features", "disp_classification_features"),
        *("source_dependent", "mc_nominal_source_x_deg", "mc_nominal_source_y_deg"),
        *("observation_mode", "n_off_wobble", "source_name", "source_ra", "source_dec"),
    )
)
#: Read where DL1 is made, and nowhere else.
DL1 = frozenset(
    (
        *("tailcut", "tailcuts_clean_with_pedestal_threshold", "dynamic_cleaning"),
        *("image_extractor", "image_extractor_for_muons", "image_modifier"),
        *("waveform_nsb_tuning", "mc_image_scaling_factor", "write_pe_image"),
    )
)
#: Read where IRFs are made, and nowhere else: cuts and bins.
IRFS = frozenset(("IRFFITSWriter", "EventSelector", "DL3Cuts", "DataBinning"))
