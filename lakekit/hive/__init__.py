"""Tables as Hive's catalogs (Glue, Athena, Redshift Spectrum, Spark) have them: types, partitions, differences.

It must not write: `lakekit.publish` does.
"""
