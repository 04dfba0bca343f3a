// What the report page uses of its libraries; refresh.sh makes libraries.js of it.
import { init, use } from "echarts/core";
import { BarChart, CustomChart, LineChart, ScatterChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { LabelLayout } from "echarts/features";
import { SVGRenderer } from "echarts/renderers";
import DataTable from "datatables.net";

use([
  AriaComponent, BarChart, CustomChart, GridComponent, LabelLayout, LegendComponent, LineChart, ScatterChart,
  SVGRenderer, TooltipComponent,
]);

export { DataTable, init as chart };
