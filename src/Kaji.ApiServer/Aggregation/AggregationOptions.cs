using System.Security.Cryptography.X509Certificates;

namespace Kaji.ApiServer.Aggregation;

/// <summary>With what this server calls aggregated ones.</summary>
/// <param name="ClientCertificate">The front proxy's: backends believe the X-Remote headers of who shows it. Asked at each connection.</param>
public sealed record AggregationOptions(Func<X509Certificate2> ClientCertificate);
